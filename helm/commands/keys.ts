import type { Checkout } from "../config/checkout.ts";
import { loadMasterConfig } from "../config/master_config.ts";
import { askCoreAsHelm } from "../control/ask_core.ts";
import { print } from "./output.ts";

interface Rotation {
  readonly current: string;
  readonly previous: readonly { kid: string; published_until: string }[];
}

/** `helm keys rotate`: Core signs with its next key from now on; tokens of the old one live on. */
export async function rotateKeys(checkout: Checkout): Promise<void> {
  const askCore = askCoreAsHelm(await loadMasterConfig(checkout));
  const answer = await askCore("rotate the keys", "POST", "/api/keys/rotate");
  const { current, previous } = answer as unknown as Rotation;
  print(`Core signs with key ${current} from now on.`);
  for (const { kid, published_until: until } of previous) {
    print(
      `Tokens signed with ${kid} stay valid until they expire; it is published until ${until}.`,
    );
  }
}
