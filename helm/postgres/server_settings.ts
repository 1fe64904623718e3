/**
 * Settings of a new data folder, written to its `postgresql.conf`, where an operator may change them.
 * They keep a server for a handful of small services small: about 40 MB.
 */
export const initialSettings: Readonly<Record<string, string>> = {
  max_connections: "200",
  shared_buffers: "32MB",
  maintenance_work_mem: "16MB",
  // The workers of io_method=worker are three more processes, for disks that we do not strain.
  io_method: "sync",
  max_logical_replication_workers: "0",
  max_wal_size: "256MB",
  min_wal_size: "32MB",
  timezone: "UTC",
  log_timezone: "UTC",
  log_line_prefix: "%m [%p] %q%u@%d ",
  log_checkpoints: "off",
};

/** Settings that Helm's own promises rest on; given on the command line, so that no file overrides them. */
export function fixedSettings(port: number): Readonly<Record<string, string>> {
  return {
    listen_addresses: "127.0.0.1",
    port: String(port),
    // TCP is enough, and the path of a socket may have 107 characters only.
    unix_socket_directories: "",
    // To the supervisor's log file.
    log_destination: "stderr",
    logging_collector: "off",
  };
}
