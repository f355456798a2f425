// A program's HTTP requests: which are the gateway's, and which are refused. Leaves serving them to server.ts.
import type { IncomingMessage, ServerResponse } from "node:http";
import { GatewayError } from "../errors.ts";
import type { OpenGateway } from "../gateway.ts";
import { foreignPage } from "../proxy/admission/authenticate.ts";
import type { InFlight } from "./in-flight.ts";

export interface HandlerOptions {
	/** Only paths below it are the gateway's: `/llm`. Default: none; every path of the data plane is, whatever stands in front of it. */
	readonly prefix?: string;
	/** Also serve health and the admin API. Default false. */
	readonly controlPlane?: boolean;
	/** Who is served where there is no master key: `anyone` is for programs that check their callers first. Default `loopback`. */
	readonly keyless?: "loopback" | "anyone";
}

/**
 * Takes a request (true) or leaves it alone: then it calls `next`, where there is one, and gives false. It answers by itself. A listener
 * of a `node:http` server, middleware of Express or Connect (before body parsers), or for the raw objects of other frameworks.
 */
export type RequestHandler = (
	request: IncomingMessage,
	response: ServerResponse,
	next?: (error?: unknown) => void,
) => boolean;

/** The handler over what is open. `prefix` is as `prefixOf` gives it. */
export function requestHandler(
	{ offer, serving }: Pick<OpenGateway, "offer" | "serving">,
	inFlight: InFlight,
	options: HandlerOptions & { readonly prefix: string },
): RequestHandler {
	const { prefix, controlPlane: control = false, keyless = "loopback" } = options;

	function refuse(request: IncomingMessage): GatewayError | null {
		const needsKey = keyless === "loopback" && serving().config.masterKey === null;
		if (needsKey && !isLoopback(request.socket.remoteAddress)) return new GatewayError("no_key_set");
		const foreign = needsKey ? foreignPage(request.headers) : null;
		if (foreign !== null) return foreign;
		return request.readableDidRead ? new GatewayError("body_already_read") : null;
	}

	function take(request: IncomingMessage, response: ServerResponse): boolean {
		const url = request.url ?? "/";
		const rest = below(prefix, url);
		if (rest === null) return false;
		request.url = rest;
		// At the root of a server `/` is the program's own page.
		const probes = prefix !== "" || isMounted(request);
		if (!offer(request, response, { control, probes, refuse })) {
			request.url = url;
			return false;
		}
		response.once("close", inFlight.add(response, null));
		return true;
	}

	return (request, response, next) => {
		const taken = !inFlight.closed && take(request, response);
		if (!taken) next?.();
		return taken;
	};
}

/** With its slash in front and none behind; "" = none. Throws a TypeError for what cannot be one. */
export function prefixOf({ prefix: given = "" }: HandlerOptions): string {
	const prefix = given.replace(/\/+$/, "");
	if (prefix === "" || /^\/[^?#]*$/.test(prefix)) return prefix;
	throw new TypeError(`prefix must be a path such as /llm, not '${given}'`);
}

/** What of the URL is below the prefix, from its slash on; null = it is elsewhere. */
function below(prefix: string, url: string): string | null {
	if (!url.startsWith(prefix)) return null;
	const rest = url.slice(prefix.length);
	if (rest === "" || rest.startsWith("?")) return `/${rest}`;
	return rest.startsWith("/") ? rest : null;
}

/** Express takes the path it mounts something under off the URL and says so. */
function isMounted(request: IncomingMessage): boolean {
	return "baseUrl" in request && typeof request.baseUrl === "string" && request.baseUrl !== "";
}

/** A socket without an address is not on a network. */
function isLoopback(address: string | undefined): boolean {
	return address === undefined || address === "::1" || /^(::ffff:)?127\./.test(address);
}
