// `warmpath.listen`, and whether its address may be listened on without a key. Leaves opening the socket to server.
import type * as z from "zod";
import { duration, integer, text } from "../fields.ts";
import type { Diagnostic } from "../report.ts";
import type { Secret } from "../secret.ts";
import { option, section } from "../section.ts";

export const listenSchema = section({
	host: option(text(), "127.0.0.1", "Address to listen on. Other than loopback needs a master_key."),
	port: option(integer({ min: 0, max: 65_535 }), 4000, "Port to listen on; 0 takes a free one."),
	keep_alive: option(
		duration(),
		"620s",
		"How long a connection without requests is kept. Longer than the load balancer in front keeps it.",
	),
});

export type ListenConfig = z.output<typeof listenSchema>;

/** Host and port that a command line or a program gives. */
interface ChosenAddress {
	readonly host?: string | undefined;
	readonly port?: number | undefined;
}

/** A chosen address in the place of the file's; the file's other options hold all the same. */
export function listenAt(configured: ListenConfig, { host, port }: ChosenAddress): ListenConfig {
	return { ...configured, host: host ?? configured.host, port: port ?? configured.port };
}

/**
 * A fault when other machines could reach the gateway without a key; null when all is well. Not part of loading, because the
 * command line may still change the address. The place is unknown (line 0): a caller that knows it fills it in.
 */
export function listenFault({ host }: Pick<ListenConfig, "host">, masterKey: Secret | null): Diagnostic | null {
	if (masterKey !== null || isLoopback(host)) return null;
	return {
		severity: "error",
		file: "",
		line: 0,
		column: 0,
		path: "warmpath.listen.host",
		message: `listening on ${host} lets other machines use your credentials, and no master key is set`,
		hint: "Set general_settings.master_key (or WARMPATH_MASTER_KEY), or listen on 127.0.0.1.",
	};
}

function isLoopback(host: string): boolean {
	const plain = host.replace(/^\[|\]$/g, "").toLowerCase();
	return plain === "localhost" || plain === "::1" || /^127(\.\d{1,3}){3}$/.test(plain);
}
