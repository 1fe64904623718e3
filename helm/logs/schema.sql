-- What the services have logged, for searching; the files hold the newest part of it too. The text
-- index is not here: it needs pg_trgm, which a server may lack (text_index.ts).

create table if not exists log_lines (
  -- In the order in which they were stored; of one service that is the order of its file.
  id bigint primary key,
  at timestamptz not null,
  service text not null,
  -- As lib/log.ts counts: 10 debug, 20 info, 30 warn, 40 error.
  level smallint not null,
  request_id text,
  trace_id text,
  user_id text,
  -- The text that pages show, in small letters.
  search text not null,
  -- As the service wrote it.
  line text not null
);
create index if not exists log_lines_at on log_lines (at, id);
create index if not exists log_lines_service on log_lines (service, at, id);
create index if not exists log_lines_trouble on log_lines (at, id) where level >= 30;
create index if not exists log_lines_request on log_lines (request_id text_pattern_ops)
  where request_id is not null;
create index if not exists log_lines_trace on log_lines (trace_id text_pattern_ops)
  where trace_id is not null;

-- Lines of one service that are pruned together, about a thousand each.
create table if not exists log_batches (
  service text not null,
  -- From 1, without a gap; the oldest go first.
  number bigint not null,
  first_id bigint not null,
  last_id bigint not null,
  line_count integer not null,
  bytes bigint not null,
  began_at timestamptz not null default now(),
  -- Over the hash before and every line up to this batch's last (log_chain.ts).
  hash bytea not null,
  primary key (service, number)
);

-- How far each service's file has been read, committed with the lines that were read.
create table if not exists log_sources (
  service text primary key,
  -- Bytes of the file that have been read, and the last of them.
  position bigint not null,
  anchor bytea not null,
  -- Which file rotation had made last, by inode and time.
  copy_id text not null,
  -- Where the chain begins: the last batch that was pruned, and what shows that Helm pruned it.
  pruned_number bigint not null default 0,
  pruned_hash bytea not null,
  pruned_proof bytea not null
);

-- One row, whose lock makes the ids a sequence without races.
create table if not exists log_head (
  is_only boolean primary key default true check (is_only),
  last_id bigint not null
);
insert into log_head (last_id) values (0) on conflict do nothing;
