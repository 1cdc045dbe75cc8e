//! Logarithm, exponential and normal distribution by IEEE 754 basic operations alone.
//!
//! The platforms' own differ in their last digit, and then whole runs of one seed differ. These are
//! the same bits everywhere, and right to about 15 digits.

/// The logarithm of 2 in two parts: the first has so many zero bits at its end that its products
/// with exponents are exact.
const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
const MANTISSA_BITS: u32 = 52;

/// The natural logarithm of a positive number, subnormal ones excluded.
pub(crate) fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let exponent = (bits >> MANTISSA_BITS) as i32 - 1023;
    let mantissa = f64::from_bits(bits & ((1 << MANTISSA_BITS) - 1) | 1023 << MANTISSA_BITS);
    let (mantissa, exponent) = if mantissa > std::f64::consts::SQRT_2 {
        (mantissa / 2.0, exponent + 1)
    } else {
        (mantissa, exponent)
    };
    let exponent = f64::from(exponent);
    exponent * LN_2_HIGH + (exponent * LN_2_LOW + ln_1p_small(mantissa - 1.0))
}

/// `ln(1 + x)` for `x` above -1, exact also for small ones.
pub(crate) fn ln_1p(x: f64) -> f64 {
    if (-0.25..0.4).contains(&x) { ln_1p_small(x) } else { ln(1.0 + x) }
}

/// `2 artanh(x / (2 + x))`: for `x` from -0.3 to 0.42, 13 terms of its series are below the last digit.
fn ln_1p_small(x: f64) -> f64 {
    let s = x / (2.0 + x);
    let square = s * s;
    let mut sum = 0.0;
    for n in (1..13).rev() {
        sum = (sum + 1.0 / f64::from(2 * n + 1)) * square;
    }
    2.0 * (s + s * sum)
}

/// 1 / n!
const INVERSE_FACTORIALS: [f64; 15] = {
    let mut inverse = [1.0; 15];
    let mut n = 1;
    while n < inverse.len() {
        inverse[n] = inverse[n - 1] / n as f64;
        n += 1;
    }
    inverse
};

/// The exponential function; 0 below the range and infinity above it.
pub(crate) fn exp(x: f64) -> f64 {
    if x < -700.0 {
        return 0.0;
    }
    if x > 709.0 {
        return f64::INFINITY;
    }
    let twos = (x / std::f64::consts::LN_2).round();
    let rest = (x - twos * LN_2_HIGH) - twos * LN_2_LOW;
    // Taylor's series: the rest is at most 0.35, and 0.35^15 / 15! is below the last digit.
    let sum = INVERSE_FACTORIALS.iter().rev().fold(0.0, |sum, c| sum * rest + c);
    sum * f64::from_bits(((twos as i64 + 1023) as u64) << MANTISSA_BITS)
}

/// The density of the standard normal distribution.
pub(crate) fn normal_density(z: f64) -> f64 {
    const ROOT_OF_TWO_PI: f64 = 2.506_628_274_631_000_5;
    exp(-z * z / 2.0) / ROOT_OF_TWO_PI
}

/// The probability that a standard normal number is above `z`.
pub(crate) fn normal_above(z: f64) -> f64 {
    if z < 0.0 {
        return 1.0 - normal_above(-z);
    }
    if z > 3.0 {
        // Laplace's continued fraction, which converges the faster the larger z is.
        let below = (1..80).rev().fold(z, |below, n| z + f64::from(n) / below);
        return normal_density(z) / below;
    }
    // z + z^3 / 3 + z^5 / (3 5) + ... (Marsaglia 2004): all terms positive, so no digits are lost.
    let (mut sum, mut term, mut odd) = (z, z, 1.0);
    while term > sum * 1e-17 {
        odd += 2.0;
        term *= z * z / odd;
        sum += term;
    }
    0.5 - normal_density(z) * sum
}

/// The number that a standard normal one exceeds with this probability, 0 and 1 excluded.
pub(crate) fn normal_exceeded(probability: f64) -> f64 {
    let from_middle = 0.5 - probability;
    if from_middle.abs() <= 0.425 {
        let r = 0.180_625 - from_middle * from_middle;
        return from_middle * ratio(&CENTRE, r);
    }
    let tail = probability.min(1.0 - probability);
    let r = (-ln(tail)).sqrt();
    let z = if r <= 5.0 { ratio(&TAIL, r - 1.6) } else { ratio(&FAR_TAIL, r - 5.0) };
    if from_middle > 0.0 { z } else { -z }
}

/// A quotient of two polynomials of degree 7, the lowest coefficients first.
fn ratio([above, below]: &[[f64; 8]; 2], r: f64) -> f64 {
    let polynomial = |c: &[f64; 8]| c.iter().rev().fold(0.0, |sum, c| sum * r + c);
    polynomial(above) / polynomial(below)
}

// Wichura's rational approximations (1988, Applied Statistics algorithm AS 241, PPND16).
const CENTRE: [[f64; 8]; 2] = [
    [
        3.387_132_872_796_366_5,
        133.141_667_891_784_38,
        1_971.590_950_306_551_3,
        13_731.693_765_509_46,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ],
    [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_597,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_854,
    ],
];
const TAIL: [[f64; 8]; 2] = [
    [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        7.745_450_142_783_414e-4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ],
];
const FAR_TAIL: [[f64; 8]; 2] = [
    [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_87,
        0.026_532_189_526_576_124,
        0.001_242_660_947_388_078_4,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ],
    [
        1.0,
        0.599_832_206_555_888,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_7e-15,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_close(got: f64, expected: f64, relative: f64) {
        let apart = (got - expected).abs();
        assert!(apart <= relative * expected.abs(), "{got:e}, not {expected:e}");
    }

    #[test]
    fn logarithm_and_exponential_are_those_of_the_platform() {
        let mut x = 1e-300;
        while x < 1e300 {
            assert_close(ln(x), x.ln(), 4e-16);
            x *= 1.013;
        }
        for step in -699..=698_i32 {
            let x = f64::from(step) + 0.377;
            assert_close(exp(x), x.exp(), 1e-15);
            assert_close(ln_1p(exp(-x.abs())), (-x.abs()).exp().ln_1p(), 1e-15);
        }
        for x in [-0.999_999, -0.9, -0.3, -0.2, -1e-3, -1e-9, -1e-17, 1e-12, 0.39, 0.41, 5.0] {
            assert_close(ln_1p(x), x.ln_1p(), 4e-16);
        }
        assert_eq!((ln(1.0), exp(0.0), ln_1p(0.0)), (0.0, 1.0, 0.0));
        assert_eq!((exp(-1e9), exp(1e9)), (0.0, f64::INFINITY));
    }

    #[test]
    fn the_normal_distribution_is_the_tabulated_one() {
        // Abramowitz and Stegun, table 26.1, and the well-known quantiles.
        for (z, above) in [
            (0.0, 0.5),
            (1.0, 0.158_655_253_931_457_05),
            (1.959_963_984_540_054_2, 0.025),
            (2.0, 0.022_750_131_948_179_21),
            (3.0, 1.349_898_031_630_094_6e-3),
            (3.090_232_306_167_813_5, 1e-3),
            (4.0, 3.167_124_183_311_992e-5),
            (6.361_340_902_404_056, 1e-10),
            (8.0, 6.220_960_574_271_785e-16),
        ] {
            assert_close(normal_above(z), above, 1e-12);
            assert_close(normal_above(-z), 1.0 - above, 1e-15);
            if z > 0.0 {
                assert_close(normal_exceeded(above), z, 1e-14);
            }
        }
        assert_close(normal_exceeded(0.75), -0.674_489_750_196_081_7, 1e-15);
    }

    #[test]
    fn quantile_and_distribution_undo_each_other() {
        for n in 1..4000 {
            let probability = f64::from(n) / 4000.0;
            assert_close(normal_above(normal_exceeded(probability)), probability, 1e-12);
            let small = exp(-f64::from(n) / 111.0) / 2.0;
            assert_close(normal_above(normal_exceeded(small)), small, 1e-11);
        }
    }

    #[test]
    fn the_bits_are_pinned() {
        // Computed once: other bits mean that every recorded seed has lost its meaning.
        let bits = [ln(0.3), exp(-2.7), normal_above(1.3), normal_exceeded(0.01)].map(f64::to_bits);
        assert_eq!(
            bits,
            [
                13_831_473_067_500_349_217,
                4_589_507_088_217_276_610,
                4_591_639_630_684_109_536,
                4_612_420_888_509_349_646,
            ]
        );
    }
}
