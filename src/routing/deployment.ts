// One upstream target at run time: in flight, recent load, cool-down. Leaves choosing between targets to routing/router.
import type { DeploymentConfig } from "../config/schema.ts";

/** Run-time state of one deployment. Changed only by the router's dispatched/started/failed/settled. */
export interface Deployment {
	readonly config: DeploymentConfig;
	readonly id: string;
}
