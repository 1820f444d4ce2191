-- Several processes of one node share this database (docs/decisions/0015).

-- Who sends a receipt on, and until when; null: nobody yet, whoever claims it. Given back when its holder stops, dies, or could not send it;
-- the time limit is for what a holder does not know that it holds: a commit whose answer was lost with the connection.
alter table road.relay add column holder text, add column held_until timestamptz;

-- Lives of this database before the present one: a note of such a life in some machine's home is old, not a sign of another restore.
alter table road.epoch add column former text[] not null default '{}';
