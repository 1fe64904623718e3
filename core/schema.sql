-- Core's sessions. Applied whenever it has changed, so each statement must be harmless when repeated.

create table if not exists sessions (
  -- SHA-256 of the session id; the id itself is only in the token (session_id.ts says why).
  id_hash bytea primary key,
  sub text not null,
  user_data jsonb not null,
  -- The provider's side of the session: its id, and its refresh token sealed with a key derived from
  -- SECRET_KEY, emptied when the session is revoked.
  sid text,
  sealed_refresh_token text,
  created_at timestamptz not null,
  last_seen_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz
);

-- Where the session is used from, for its owner to recognise it.
alter table sessions add column if not exists user_agent text;
alter table sessions add column if not exists address text;

-- Until then the provider's session lives unless somebody ends it (identity_look.ts).
alter table sessions add column if not exists provider_until timestamptz;

-- Nothing ever read it (session_store.ts).
alter table sessions drop column if exists sealed_id_token;

create index if not exists sessions_expires_at on sessions (expires_at);
create index if not exists sessions_created_at on sessions (created_at);
create index if not exists sessions_sub on sessions (sub);
create index if not exists sessions_sid on sessions (sid) where sid is not null;

-- What counts once and was used: logout tokens, by the SHA-256 of their jti.
create table if not exists used_once (
  name_hash bytea primary key,
  matters_until timestamptz not null
);

-- The Cores that share this database, each counting on while it grants leases (REVOCATION.md).
create table if not exists core_instances (
  id text primary key,
  renewals bigint not null default 0
);
