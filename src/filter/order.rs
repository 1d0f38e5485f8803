//! The order of a list.

use super::Mistake;

/// By which field a list is sorted. What is equal there is sorted by name, in the
/// same direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The name of the field.
    pub field: &'static str,
    /// The largest first.
    pub descending: bool,
}

/// Reads an order by one of these fields, as `update_time desc` (aip.dev/132); an
/// empty one is the first of `fields` as `usual` has it.
///
/// # Errors
/// The first mistake.
pub fn parse_order(text: &str, fields: &[&'static str], usual: Order) -> Result<Order, Mistake> {
    let mut words = text.split_whitespace();
    let Some(name) = words.next() else { return Ok(usual) };
    let descending = match words.next() {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(other) => return Err(Mistake::new(place(text, other), "must be asc or desc")),
    };
    if let Some(more) = words.next() {
        return Err(Mistake::new(place(text, more), "is too much: a list is sorted by one field"));
    }
    let found = fields.iter().find(|field| **field == name);
    let field = found.ok_or_else(|| {
        let description = format!("must be one of {}, with desc behind it or not", fields.join(", "));
        Mistake::new(place(text, name), description)
    })?;
    Ok(Order { field, descending })
}

/// The character where a part of a text begins.
fn place(text: &str, part: &str) -> usize {
    let bytes = part.as_ptr() as usize - text.as_ptr() as usize;
    text[..bytes].chars().count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_a_field_and_a_direction() {
        let usual = Order { field: "create_time", descending: false };
        let parse = |text| parse_order(text, &["create_time", "update_time"], usual);
        assert_eq!(parse(" "), Ok(usual));
        assert_eq!(parse("update_time"), Ok(Order { field: "update_time", descending: false }));
        assert_eq!(parse(" update_time  desc "), Ok(Order { field: "update_time", descending: true }));
        for (text, position) in [
            ("title", 1),
            (" 龙 desc", 2),
            ("update_time down", 13),
            ("update_time desc, create_time", 13),
            ("update_time desc x", 18),
        ] {
            assert_eq!(parse(text).map_err(|mistake| mistake.position), Err(position), "{text}");
        }
    }
}
