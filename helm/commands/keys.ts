import type { Checkout } from "../config/checkout.ts";
import { askCore } from "./ask_core.ts";
import { print } from "./output.ts";

interface Rotation {
  readonly current: string;
  readonly previous: readonly { kid: string; published_until: string }[];
}

/** `helm keys rotate`: Core signs with its next key from now on; tokens of the old one live on. */
export async function rotateKeys(checkout: Checkout): Promise<void> {
  const answer = await askCore(checkout, "rotate the keys", "POST", "/api/keys/rotate");
  const { current, previous } = answer as unknown as Rotation;
  print(`Core signs with key ${current} from now on.`);
  for (const { kid, published_until: until } of previous) {
    print(
      `Tokens signed with ${kid} stay valid until they expire; it is published until ${until}.`,
    );
  }
}
