// Entries of `warmpath.keys` → keys, with the faults that only show between entries. Leaves the kinds of their options to config/keys.
import type * as z from "zod";
import type { KeyConfig, keySchema } from "./keys.ts";
import type { Report } from "./report.ts";
import { Secret } from "./secret.ts";

/** Shorter ones can be guessed. */
const SHORTEST = 16;

/** Reports aliases and secrets that occur twice, and a secret that is the master key's: whoever has it would be the master. */
export function readKeys(
	entries: readonly z.output<typeof keySchema>[],
	report: Report,
	masterKey: Secret | null,
): readonly KeyConfig[] {
	const aliases = new Set<string>();
	const secrets = new Set<string>();
	return entries.map(({ key, ...fields }, at) => {
		const path = ["warmpath", "keys", at];
		if (aliases.has(fields.key_alias)) {
			report.fault({ path: [...path, "key_alias"], message: `another key is called '${fields.key_alias}' already` });
		}
		if (secrets.has(key)) report.fault({ path: [...path, "key"], message: "another key has this secret already" });
		if (masterKey !== null && key === masterKey.reveal())
			report.fault({ path: [...path, "key"], message: "this is the master key: whoever has it may do everything" });
		if (key.length < SHORTEST) {
			report.warn({
				path: [...path, "key"],
				message: "the key is short enough to be guessed: use 20 random characters",
			});
		}
		aliases.add(fields.key_alias);
		secrets.add(key);
		return { id: `config:${fields.key_alias}`, secret: new Secret(key), fields };
	});
}
