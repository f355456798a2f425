// Cache domains by names that are equal on every replica: numbers are local. Leaves who shares a domain to cache/domain.
import type { DomainRef } from "../../state/notes.ts";
import type { Fleet } from "../fleet.ts";

export interface SharedDomains {
	/** How to name a domain to others; null = no deployment of the configuration in force is in it. */
	refOf(domain: number): DomainRef | null;
	/** The domain that another replica named; null = unknown here, as while replicas have different configurations. */
	domainAt(ref: DomainRef): number | null;
}

export function createSharedDomains(fleet: Fleet): SharedDomains {
	let refs = new Map<number, DomainRef>();
	let version = -1;
	let revision = -1;

	/** Named by the first deployment that is in it, as the configuration orders them. */
	function collect(): Map<number, DomainRef> {
		const found = new Map<number, DomainRef>();
		for (const { id, member } of fleet.all()) {
			const domain = fleet.domains.domainOf(member);
			if (!found.has(domain)) found.set(domain, { name: fleet.domains.nameOf(member), deployment: id });
		}
		return found;
	}

	return {
		refOf(domain) {
			const { domains } = fleet;
			if (version !== domains.version || revision !== fleet.revision) {
				refs = collect();
				version = domains.version;
				revision = fleet.revision;
			}
			return refs.get(domains.root(domain)) ?? null;
		},
		domainAt({ name, deployment }) {
			const { domains } = fleet;
			const named = name === null ? null : domains.named(name);
			if (named !== null) return named;
			const known = fleet.get(deployment);
			return known === undefined ? null : domains.domainOf(known.member);
		},
	};
}
