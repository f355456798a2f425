import { expect, test } from "vitest";
import { memoryLog } from "../../../test/harness.ts";
import { logRemoved } from "./removed.ts";

test("what is taken off is logged once for each value and deployment", () => {
	const { lines, log } = memoryLog();
	const [one, other] = [{}, {}];
	const removed = ["beta:x", "field:speed"];
	logRemoved(one, { deployment: "a", removed: ["beta:x"] }, log);
	logRemoved(one, { deployment: "a", removed }, log);
	logRemoved(one, { deployment: "a", removed }, log);
	logRemoved(other, { deployment: "b", removed: [] }, log);
	logRemoved(other, { deployment: "b", removed: ["beta:x"] }, log);
	const logged = lines.map((line) => JSON.parse(line)).map(({ deployment, removed: values }) => [deployment, values]);
	expect(logged).toEqual([
		["a", ["beta:x"]],
		["a", ["field:speed"]],
		["b", ["beta:x"]],
	]);
});
