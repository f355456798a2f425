// Whether an address may be listened on without a key. Leaves opening the socket to server.
import type { Diagnostic, ListenConfig } from "./schema.ts";
import type { Secret } from "./secret.ts";

/**
 * A fault when other machines could reach the gateway without a key; null when all is well. Not part of loading, because the
 * command line may still change the address. The place is unknown (line 0): a caller that knows it fills it in.
 */
export function listenFault(listen: ListenConfig, masterKey: Secret | null): Diagnostic | null {
	if (masterKey !== null || isLoopback(listen.host)) return null;
	return {
		severity: "error",
		file: "",
		line: 0,
		column: 0,
		path: "warmpath.listen.host",
		message: `listening on ${listen.host} lets other machines use your credentials, and no master key is set`,
		hint: "Set general_settings.master_key (or WARMPATH_MASTER_KEY), or listen on 127.0.0.1.",
	};
}

function isLoopback(host: string): boolean {
	const plain = host.replace(/^\[|\]$/g, "").toLowerCase();
	return plain === "localhost" || plain === "::1" || /^127(\.\d{1,3}){3}$/.test(plain);
}
