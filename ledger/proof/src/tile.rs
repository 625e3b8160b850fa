//! Tiles, the pieces in which a log is published (C2SP tlog-tiles): 256 hashes of one level of
//! the tree, or 256 entries. Each piece has one path.

use alloc::format;
use alloc::string::String;
use core::fmt;

use crate::text::decimal;

/// Hashes or entries of a full tile.
pub const TILE_WIDTH: u16 = 256;
/// Highest level of a tile: eight levels of the tree to a tile, 2^63 leaves at most.
pub const TILE_LEVEL_MAX: u8 = 7;

/// What a tile is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TileKind {
    /// Hashes at this level, which is eight times as many levels up in the tree.
    Hashes(u8),
    /// Entries.
    Entries,
}

/// Names a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// What it is made of.
    pub kind: TileKind,
    /// Position among the tiles of its kind.
    pub index: u64,
    /// How many hashes or entries; [`TILE_WIDTH`] if it is full.
    pub width: u16,
}

impl Tile {
    /// Reads a path such as `tile/0/x001/x234/067` or `tile/entries/000.p/17`; `None` if it is
    /// not the one path of a tile.
    pub fn parse(path: &str) -> Option<Self> {
        let (kind, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let kind = match kind {
            "entries" => TileKind::Entries,
            level => TileKind::Hashes(u8::try_from(decimal(level)?).ok()?),
        };
        if matches!(kind, TileKind::Hashes(level) if level > TILE_LEVEL_MAX) {
            return None;
        }
        let (digits, width) = match rest.split_once(".p/") {
            Some((digits, width)) => (digits, u16::try_from(decimal(width)?).ok()?),
            None => (rest, TILE_WIDTH),
        };
        let index = parse_index(digits)?;
        let tile = Self { kind, index, width };
        // What prints differently was written in a way that is not the canonical one.
        let valid = (1..=TILE_WIDTH).contains(&width) && format!("{tile}") == path;
        valid.then_some(tile)
    }

    /// Returns the index of the first hash or entry of the tile, among those of its level.
    pub fn start(&self) -> Option<u64> {
        self.index.checked_mul(u64::from(TILE_WIDTH))
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes(level) => write!(f, "tile/{level}/")?,
            TileKind::Entries => f.write_str("tile/entries/")?,
        }
        f.write_str(&index_path(self.index))?;
        if self.width == TILE_WIDTH {
            Ok(())
        } else {
            write!(f, ".p/{}", self.width)
        }
    }
}

fn index_path(index: u64) -> String {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    path
}

/// Reads groups of digits; [`Tile::parse`] checks how they were written.
fn parse_index(path: &str) -> Option<u64> {
    path.split('/').try_fold(0_u64, |index, group| {
        let digits = group.strip_prefix('x').unwrap_or(group);
        if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        index.checked_mul(1000)?.checked_add(digits.parse().ok()?)
    })
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_tile_has_one_path() {
        let cases = [
            (
                tile(TileKind::Hashes(0), 1_234_067, 256),
                "tile/0/x001/x234/067",
            ),
            (tile(TileKind::Hashes(7), 0, 256), "tile/7/000"),
            (tile(TileKind::Hashes(1), 7, 200), "tile/1/007.p/200"),
            (
                tile(TileKind::Entries, 1_000, 1),
                "tile/entries/x001/000.p/1",
            ),
            (
                tile(TileKind::Entries, u64::MAX, 256),
                "tile/entries/x018/x446/x744/x073/x709/x551/615",
            ),
        ];

        for (tile, path) in cases {
            assert_eq!(tile.to_string(), path);
            assert_eq!(Tile::parse(path), Some(tile));
        }
    }

    #[test]
    fn another_spelling_is_no_tile() {
        for path in [
            "tile/0/67",
            "tile/0/x000/067",
            "tile/0/x001/x067",
            "tile/0/001/067",
            "tile/00/067",
            "tile/8/067",
            "tile/256/067",
            "tile/-1/067",
            "tile/0/067.p/0",
            "tile/0/067.p/256",
            "tile/0/067.p/01",
            "tile/0/067.p/",
            "tile/0/",
            "tile/0",
            "tile/data/067",
            "/tile/0/067",
            "tile/entries/x018/x446/x744/x073/x709/x551/616",
            "tile/0/+67",
        ] {
            assert_eq!(Tile::parse(path), None, "{path}");
        }
    }

    #[test]
    fn a_tile_starts_at_a_multiple_of_its_width() {
        assert_eq!(tile(TileKind::Entries, 3, 1).start(), Some(768));
        assert_eq!(tile(TileKind::Entries, u64::MAX, 256).start(), None);
    }

    fn tile(kind: TileKind, index: u64, width: u16) -> Tile {
        Tile { kind, index, width }
    }
}
