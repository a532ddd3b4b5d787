-- Version 2: what lists are sorted by, callbacks that are due, idempotency keys, the documents jobs were made of.

-- Empty, not NULL, before it happened: then rows stand in one order with the others.
ALTER TABLE jobs ADD COLUMN started_at TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN finished_at TEXT NOT NULL DEFAULT '';
-- From the first start to the end, of a job that has ended.
ALTER TABLE jobs ADD COLUMN seconds REAL;
ALTER TABLE jobs ADD COLUMN callback_at TEXT;

UPDATE jobs SET
    started_at = coalesce(json_extract(document, '$.started_at'), ''),
    finished_at = coalesce(json_extract(document, '$.finished_at'), '');
UPDATE jobs SET seconds = round((julianday(finished_at) - julianday(started_at)) * 86400.0, 3)
    WHERE started_at <> '' AND finished_at <> '';

-- A list in any order is a range of one of these; what it is filtered by besides stands behind, so that only the rows of
-- the page itself are read.
DROP INDEX jobs_owner;
DROP INDEX jobs_owner_status;
DROP INDEX jobs_owner_process;
CREATE INDEX jobs_owner ON jobs (owner, created_at, job_id, status, process_id, started_at, seconds);
CREATE INDEX jobs_owner_started ON jobs (owner, started_at, job_id, status, process_id, created_at, seconds);
CREATE INDEX jobs_owner_finished ON jobs (owner, finished_at, job_id, status, process_id, created_at, started_at, seconds);
CREATE INDEX jobs_owner_process ON jobs (owner, process_id, created_at, job_id, status, started_at, seconds);
CREATE INDEX jobs_owner_status ON jobs (owner, status, created_at, job_id, process_id, started_at, seconds);
CREATE INDEX jobs_callback ON jobs (callback_at) WHERE callback_at IS NOT NULL;

-- What was asked for under a key of an owner ('' of nobody, else '=' and the owner). A key outlives the record of its job.
CREATE TABLE keys (
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    job_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (owner, key)
) WITHOUT ROWID;

-- The body that a job was made of, as it came.
CREATE TABLE definitions (
    number INTEGER PRIMARY KEY,
    document TEXT NOT NULL
);
