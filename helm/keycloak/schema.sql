-- The embedded identity provider's own database; every statement may run again at each start.

-- User names and e-mail addresses are stored in lower case, so plain uniqueness ignores case.
CREATE TABLE IF NOT EXISTS users (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  username text NOT NULL UNIQUE,
  email text UNIQUE,
  first_name text NOT NULL DEFAULT '',
  last_name text NOT NULL DEFAULT '',
  -- Empty: nobody can sign in as this user until a password is set.
  password_hash text NOT NULL,
  -- Asked for at the next sign-in.
  must_change_password boolean NOT NULL DEFAULT false,
  is_enabled boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS user_groups (
  name text PRIMARY KEY,
  id uuid NOT NULL UNIQUE DEFAULT gen_random_uuid()
);

-- Earlier versions had one name for a person, and no ids for groups. Both parts of a name joined are
-- what it was; one that was only the user name says nothing.
ALTER TABLE users ADD COLUMN IF NOT EXISTS first_name text NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN IF NOT EXISTS last_name text NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN IF NOT EXISTS must_change_password boolean NOT NULL DEFAULT false;
ALTER TABLE user_groups ADD COLUMN IF NOT EXISTS id uuid NOT NULL DEFAULT gen_random_uuid();
CREATE UNIQUE INDEX IF NOT EXISTS user_groups_id_key ON user_groups (id);
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_attribute
      WHERE attrelid = 'users'::regclass AND attname = 'name' AND NOT attisdropped) THEN
    UPDATE users SET
      first_name = CASE WHEN name = username THEN ''
        ELSE coalesce(substring(name FROM '^(.*) [^ ]+$'), name) END,
      last_name = CASE WHEN name = username THEN ''
        ELSE coalesce(substring(name FROM '^.* ([^ ]+)$'), '') END;
    ALTER TABLE users DROP COLUMN name;
  END IF;
END $$;

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

-- Where a session was used last, for the list of a user's sessions.
CREATE TABLE IF NOT EXISTS session_uses (
  session_uid text PRIMARY KEY,
  address text NOT NULL,
  last_used_at timestamptz NOT NULL DEFAULT now()
);

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
