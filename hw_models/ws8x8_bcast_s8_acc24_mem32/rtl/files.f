../operators/rtl/fit_signed.v
../operators/rtl/fitted_add.v
../operators/rtl/multiply_exact.v
../operators/rtl/rounding_shift.v
../operators/rtl/skew_line.v
../operators/rtl/delay.v
rtl/ws8x8_bcast_column.v
rtl/ws8x8_bcast_s8_acc24_mem32.v
