//! How it is asked: REST dialects, GraphQL and web pages.
