"""A Singer tap for the bulk exports of a Next Commerce (formerly 29 Next) store."""
