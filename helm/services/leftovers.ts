import { isOfThisBoot } from "./process_age.ts";
import { endGroup } from "./process_group.ts";
import { readProcess } from "./process_table.ts";
import type { RunRecord } from "./run_file.ts";
import { endStrays } from "./strays.ts";

/** Ends the children of a service that died while no Helm was there. */
export async function endLeftovers(record: RunRecord): Promise<void> {
  if (record.run !== undefined) await endStrays(record.run, 2000);
  // Since a reboot, or when its pid has passed to a new process, that group is somebody else's.
  if (!isOfThisBoot(record) || (await readProcess(record.pid)) !== undefined) return;
  await endGroup(record.pid, 2000);
}
