//! Otsu's threshold: the grey value that separates an image best into dark and light.

/// Returns the threshold; pixels above it are light. Returns `None` for a single grey value.
pub(crate) fn otsu(pixels: &[u8]) -> Option<u8> {
    let mut counts = [0u64; 256];
    for pixel in pixels {
        counts[usize::from(*pixel)] += 1;
    }
    let total = pixels.len() as f64;
    let sum: f64 = counts
        .iter()
        .enumerate()
        .map(|(grey, count)| grey as f64 * *count as f64)
        .sum();
    let (mut dark, mut dark_sum) = (0.0, 0.0);
    let mut best = None;
    let mut best_spread = 0.0;
    for (grey, count) in (0u8..=255).zip(counts) {
        dark += count as f64;
        dark_sum += f64::from(grey) * count as f64;
        let light = total - dark;
        if dark == 0.0 || light == 0.0 {
            continue;
        }
        let between = dark_sum / dark - (sum - dark_sum) / light;
        let spread = dark * light * between * between;
        if spread > best_spread {
            best_spread = spread;
            best = Some(grey);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_heaps_are_separated() {
        let pixels: Vec<u8> = (0..100)
            .map(|i| if i < 70 { 10 + i % 5 } else { 180 })
            .collect();

        let threshold = otsu(&pixels).unwrap();

        assert!((14..180).contains(&threshold), "{threshold}");
    }

    #[test]
    fn one_grey_value_has_no_threshold() {
        assert_eq!(otsu(&[9; 50]), None);
    }
}
