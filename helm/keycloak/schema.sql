-- The embedded identity provider's own database; every statement may run again at each start.

-- User names and e-mail addresses are stored in lower case, so plain uniqueness ignores case.
CREATE TABLE IF NOT EXISTS users (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  username text NOT NULL UNIQUE,
  email text UNIQUE,
  name text NOT NULL,
  password_hash text NOT NULL,
  is_enabled boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS user_groups (
  name text PRIMARY KEY
);

CREATE TABLE IF NOT EXISTS user_group_members (
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  group_name text NOT NULL REFERENCES user_groups ON DELETE CASCADE,
  PRIMARY KEY (user_id, group_name)
);

-- What oidc-provider keeps: sessions, attempts to sign in, codes, grants, tokens.
CREATE TABLE IF NOT EXISTS oidc_records (
  model text NOT NULL,
  id text NOT NULL,
  payload jsonb NOT NULL,
  session_uid text,
  grant_id text,
  account_id text,
  consumed_at timestamptz,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (model, id)
);
CREATE INDEX IF NOT EXISTS oidc_records_session ON oidc_records (session_uid);
CREATE INDEX IF NOT EXISTS oidc_records_grant ON oidc_records (grant_id);
CREATE INDEX IF NOT EXISTS oidc_records_account ON oidc_records (account_id);
CREATE INDEX IF NOT EXISTS oidc_records_expiry ON oidc_records (expires_at);

-- Sessions that were ended while a request of theirs may still be under way (see oidc_adapter.ts).
CREATE TABLE IF NOT EXISTS ended_sessions (
  session_uid text PRIMARY KEY,
  expires_at timestamptz NOT NULL
);

-- Ends of sessions that Core has yet to be told of (see backchannel_logout.ts); without a sid, all
-- sessions of the user are meant.
CREATE TABLE IF NOT EXISTS logout_messages (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sub text NOT NULL,
  sid text,
  attempts integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now()
);
