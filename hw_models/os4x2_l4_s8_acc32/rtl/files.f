../operators/rtl/fit_signed.v
../operators/rtl/fitted_add.v
../operators/rtl/multiply_exact.v
../operators/rtl/skew_line.v
rtl/os4x2_l4_pe.v
rtl/os4x2_l4_requantizer.v
rtl/os4x2_l4_s8_acc32.v
