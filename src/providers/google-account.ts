// Google's side of a deployment: its project and access tokens, as its options or the machine give them. Leaves how tokens are got to
// providers/vertex-credentials, and what they are sent with to the providers.
import type { DeploymentConfig } from "../config/schema.ts";
import { Bearer } from "./bearer.ts";
import { CredentialError } from "./credential-error.ts";
import type { ProviderDeps } from "./provider.ts";
import { googleCredentials } from "./vertex-credentials.ts";

/** What a request to Google is sent with. */
export interface GoogleAccess {
	readonly project: string;
	readonly token: string;
}

export interface GoogleAccount {
	/** null until it is known. */
	readonly project: string | null;
	/** A promise where one of the two has to be asked for first. Rejects with CredentialError. */
	access(): GoogleAccess | Promise<GoogleAccess>;
	/** Google did not take the token that was given out last. */
	refused(): void;
}

/** Asks nobody before it is used. */
export function googleAccount(config: DeploymentConfig, deps: ProviderDeps): GoogleAccount {
	const google = googleCredentials({ given: textOption(config, "vertex_credentials"), now: deps.now });
	const bearer = new Bearer({
		request: () => google.token(),
		now: deps.now,
		warn: (message) => deps.warn(`deployment ${config.id}: ${message}`),
	});
	let project = textOption(config, "vertex_project");
	let lastToken = "";

	async function projectOf(): Promise<string> {
		project = await google.project();
		if (project !== null) return project;
		throw new CredentialError("the Google project is not known: set vertex_project.");
	}

	function given(known: string, token: string): GoogleAccess {
		lastToken = token;
		return { project: known, token };
	}

	return {
		get project() {
			return project;
		},
		access() {
			const token = bearer.get();
			if (typeof token === "string" && project !== null) return given(project, token);
			return Promise.all([project ?? projectOf(), token]).then(([known, value]) => given(known, value));
		},
		refused() {
			bearer.drop(lastToken);
		},
	};
}

/** One of a deployment's options; null where it is not given. */
export function textOption(config: DeploymentConfig, name: string): string | null {
	const value = config.credentials.extra[name];
	if (value === undefined) return null;
	return typeof value === "string" ? value : value.reveal();
}
