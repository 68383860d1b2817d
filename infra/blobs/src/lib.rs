//! Blobs by content hash in a local folder or an S3 bucket.
