// One colour per deployment, everywhere the same: by its place in the configuration.
import { useDeploymentIds } from "./api/queries.ts";

const COLOURS = 8;

/** CSS variable of a deployment's colour. What is not configured any more gets one by its name. */
export function useDeploymentColour(): (id: string) => string {
	const ids = useDeploymentIds();
	return (id) => {
		const at = ids.indexOf(id);
		return `--deployment-${(at === -1 ? hash(id) : at) % COLOURS}`;
	};
}

function hash(text: string): number {
	let value = 0;
	for (let at = 0; at < text.length; at += 1) value = (value * 31 + text.charCodeAt(at)) >>> 0;
	return value;
}
