import { z } from 'zod';
import { Empty } from '../page';
import { contract } from './contract';

/** As `use.secrets` names it; a name that jq reads as `$secrets.name`, or in brackets. */
export const SecretName = z
  .string()
  .regex(/^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9_])?$/, 'letters, digits, "_", and inner "-" and "."');

/** A text, or the fields that an authentication needs: `{ username, password }`, `{ token }`. */
export const SecretValue = z
  .union([z.string().min(1).max(65_536), z.record(z.string().max(128), z.unknown())])
  .meta({ id: 'SecretValue', description: 'A text, or an object of fields; never given back' });

export const Secret = z
  .object({ name: z.string(), createdAt: z.iso.datetime(), updatedAt: z.iso.datetime() })
  .meta({ id: 'Secret', description: 'A stored secret, without its value' });
export type Secret = z.infer<typeof Secret>;

/** Values are never given back. */
export const listSecrets = contract('router.listSecrets', {
  input: z.object({}),
  output: z.object({ items: z.array(Secret) }),
});
export const putSecret = contract('router.putSecret', {
  input: z.object({ name: SecretName, value: SecretValue }),
  output: Secret.extend({ isNew: z.boolean() }),
});
export const removeSecret = contract('router.removeSecret', {
  input: z.object({ name: z.string().max(64) }),
  output: Empty,
});
