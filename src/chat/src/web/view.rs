//! What the page shows: HTML from timelines.
