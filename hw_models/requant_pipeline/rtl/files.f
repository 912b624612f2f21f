../operators/rtl/fit_signed.v
../operators/rtl/fitted_add.v
../operators/rtl/multiply_exact.v
../operators/rtl/rounding_shift.v
../operators/rtl/clamp.v
../operators/rtl/delay.v
rtl/requant_pipeline.v
