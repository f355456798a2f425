// The region that a profile of ~/.aws names. Leaves its credentials to aws-credentials.
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

/** The profile's `region`; null when the file or the entry is missing. `null` for the profile = AWS_PROFILE, else the default one. */
export async function regionOfProfile(
	profile: string | null,
	env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<string | null> {
	const path = env["AWS_CONFIG_FILE"] ?? join(homedir(), ".aws", "config");
	const name = profile ?? env["AWS_PROFILE"] ?? "default";
	let text: string;
	try {
		text = await readFile(path, "utf8");
	} catch {
		return null;
	}
	let isOurs = false;
	for (const line of text.split(/\r?\n/)) {
		const section = /^\s*\[\s*(?:profile\s+)?"?([^"\]]+?)"?\s*\]/.exec(line);
		if (section !== null) isOurs = section[1] === name;
		// An indented line belongs to a nested setting.
		else if (isOurs) {
			const region = /^region\s*=\s*(\S+)/.exec(line)?.[1];
			if (region !== undefined) return region;
		}
	}
	return null;
}
