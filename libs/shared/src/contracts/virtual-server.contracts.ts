import { z } from 'zod';
import { Empty, PageQuery, pageOf } from '../page';
import { broadcast, contract } from './contract';
import { Slug } from './router.contracts';

/** What a virtual server takes of one server. */
const Member = z.strictObject({
  server: Slug,
  tools: z
    .array(z.string().min(1).max(256))
    .max(1_000)
    .optional()
    .describe('Names at the server, or globs of them; all tools without it'),
});
export type VirtualMember = z.infer<typeof Member>;

const fields = {
  description: z.string().max(1_000).optional(),
  servers: z.array(Member).min(1).max(64).describe('In the order in which their tools are listed'),
};

export const NewVirtualServer = z.strictObject({ slug: Slug, ...fields }).meta({ id: 'NewVirtualServer' });
export type NewVirtualServer = z.infer<typeof NewVirtualServer>;

export const VirtualServerChanges = z
  .strictObject({ description: fields.description.nullable(), servers: fields.servers.optional() })
  .meta({ id: 'VirtualServerChanges', description: 'Fields that are to be others' });
export type VirtualServerChanges = z.infer<typeof VirtualServerChanges>;

/** Some tools of some servers at one address, under the names that they have at their servers. */
export const VirtualServer = z
  .object({
    id: z.string(),
    slug: Slug,
    ...fields,
    /** What it offers now. */
    tools: z.array(z.string()),
    /** Tools and prompts that another server of the list had first; they are not offered. */
    clashes: z.array(z.object({ server: Slug, name: z.string() })),
    version: z.string(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'VirtualServer' });
export type VirtualServer = z.infer<typeof VirtualServer>;

/** Accepts the UUID or the slug. */
const Ref = z.object({ virtualServer: z.string().min(1).max(64) });

export const listVirtualServers = contract('router.listVirtualServers', {
  input: PageQuery,
  output: pageOf(VirtualServer),
  maxBytes: 8 * 1024 * 1024,
});
export const getVirtualServer = contract('router.getVirtualServer', { input: Ref, output: VirtualServer });
export const addVirtualServer = contract('router.addVirtualServer', { input: NewVirtualServer, output: VirtualServer });
/** `ifMatch` is the `version` the caller has seen. */
export const updateVirtualServer = contract('router.updateVirtualServer', {
  input: Ref.extend({ changes: VirtualServerChanges, ifMatch: z.string().max(128).optional() }),
  output: VirtualServer,
});
export const removeVirtualServer = contract('router.removeVirtualServer', { input: Ref, output: Empty });

/** A virtual server was added, changed or removed: every router replica reads them again. */
export const virtualServersChanged = broadcast('router.virtualServersChanged', z.object({ slug: z.string() }));
