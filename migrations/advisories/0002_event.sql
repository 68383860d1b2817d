-- The id of the event `advisories.imported` that the generation is of, so that a node notices when the log has another
-- one under the same number; NULL where no log took note of it.
ALTER TABLE generation ADD COLUMN event TEXT;
