../operators/rtl/fit_signed.v
../operators/rtl/fitted_add.v
../operators/rtl/multiply_exact.v
../operators/rtl/accumulate.v
../operators/rtl/delay.v
rtl/tree16x4_column.v
rtl/tree16x4_banks4_s8_acc34sat.v
