-- What services use and the requests they get, a row for each service and minute of the last day.
create table if not exists figure_minutes (
  service text not null,
  minute timestamptz not null,
  cpu_seconds real not null,
  cpu_covered_seconds real not null,
  memory_bytes real not null,
  requests_covered_seconds real not null,
  requests real not null,
  client_errors real not null,
  server_errors real not null,
  latency_buckets real[] not null,
  primary key (service, minute)
);
create index if not exists figure_minutes_by_time on figure_minutes (minute);

-- What each process of Nexus had counted when those rows were written: what it tells later is more.
create table if not exists figure_sources (
  instance text primary key,
  seen_at timestamptz not null,
  age_seconds double precision not null,
  services jsonb not null
);
