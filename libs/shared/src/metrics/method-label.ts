const METHODS = new Set([
  'initialize',
  'ping',
  'server/discover',
  'tools/list',
  'tools/call',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'resources/subscribe',
  'resources/unsubscribe',
  'prompts/list',
  'prompts/get',
  'completion/complete',
  'logging/setLevel',
  'subscriptions/listen',
  'tasks/get',
  'tasks/list',
  'tasks/result',
  'tasks/update',
  'tasks/cancel',
]);

/** A method as a label: what the protocol does not know is `other`, since clients can make up any number of names. */
export function methodLabel(method = ''): string {
  if (METHODS.has(method) || method === '') return method;
  return method.startsWith('notifications/') ? 'notifications' : 'other';
}
