../operators/rtl/fit_signed.v
../operators/rtl/fitted_add.v
../operators/rtl/multiply_exact.v
../operators/rtl/skew_line.v
../operators/rtl/delay.v
rtl/ws16x16_pe.v
rtl/ws16x16_s8_acc32.v
