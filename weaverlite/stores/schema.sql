-- Version 1. Times are RFC 3339 text in UTC with microseconds, so that text sorts as time does; documents are JSON.

CREATE TABLE jobs (
    -- Never reused: rows that hang on a number can only be of this job.
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    status TEXT NOT NULL,
    owner TEXT,
    process_id TEXT NOT NULL,
    priority INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    -- What a node must offer, as canonical JSON: few distinct values, many jobs.
    needs TEXT NOT NULL,
    created_at TEXT NOT NULL,
    queue_deadline TEXT,
    expires_at TEXT,
    -- These four change with a heartbeat and are not in the document.
    updated_at TEXT,
    beat_at TEXT,
    progress INTEGER NOT NULL,
    message TEXT NOT NULL,
    document TEXT NOT NULL
);

CREATE UNIQUE INDEX jobs_id ON jobs (job_id);

-- A page is a range of one of these, whatever the filter: equal columns first, then the order of pages.
CREATE INDEX jobs_time ON jobs (created_at, job_id);
CREATE INDEX jobs_status ON jobs (status, created_at, job_id);
CREATE INDEX jobs_process ON jobs (process_id, created_at, job_id);
CREATE INDEX jobs_process_status ON jobs (process_id, status, created_at, job_id);
CREATE INDEX jobs_owner ON jobs (owner, created_at, job_id);
CREATE INDEX jobs_owner_status ON jobs (owner, status, created_at, job_id);
CREATE INDEX jobs_owner_process ON jobs (owner, process_id, created_at, job_id);
CREATE INDEX jobs_owner_process_status ON jobs (owner, process_id, status, created_at, job_id);

-- The order of claims within each kind of needs.
CREATE INDEX jobs_waiting ON jobs (needs, priority DESC, created_at, job_id, queue_deadline) WHERE status = 'accepted';
CREATE INDEX jobs_expiry ON jobs (expires_at) WHERE expires_at IS NOT NULL;

-- Labels of jobs. Owner, process and status are repeated, so that a filter over a common label reads only this table.
CREATE TABLE tags (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    created_at TEXT NOT NULL,
    job_id TEXT NOT NULL,
    owner TEXT,
    process_id TEXT NOT NULL,
    status TEXT NOT NULL,
    PRIMARY KEY (name, value, created_at, job_id)
) WITHOUT ROWID;

CREATE TABLE inputs (
    number INTEGER PRIMARY KEY,
    document TEXT NOT NULL
);

CREATE TABLE manifests (
    number INTEGER PRIMARY KEY,
    document TEXT NOT NULL
);

CREATE TABLE tombstones (
    job_id TEXT PRIMARY KEY,
    removed_at TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE events (
    number INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    at TEXT NOT NULL,
    topic TEXT NOT NULL,
    level TEXT NOT NULL,
    step TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (number, seq)
) WITHOUT ROWID;

CREATE INDEX events_topic ON events (number, topic, seq);

CREATE TABLE processes (
    process_id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (process_id, revision)
);

-- The processes that are there, with their latest revision; revisions of others stay for the jobs that name them.
CREATE TABLE deployed (
    process_id TEXT PRIMARY KEY,
    revision INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE uploads (
    upload_id TEXT PRIMARY KEY,
    expires_at TEXT NOT NULL,
    document TEXT NOT NULL
);

CREATE INDEX uploads_expiry ON uploads (expires_at, upload_id);
