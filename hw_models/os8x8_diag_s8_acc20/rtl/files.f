../operators/rtl/fit_signed.v
../operators/rtl/fitted_add.v
../operators/rtl/multiply_exact.v
../operators/rtl/accumulate.v
rtl/os8x8_diag_pe.v
rtl/os8x8_diag_s8_acc20.v
