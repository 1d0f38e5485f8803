//! The generator of articles, as the example has it.

#[path = "../../examples/generate/articles.rs"]
pub mod articles;
#[path = "../../examples/generate/load.rs"]
pub mod load;
