/** Memory that a tenant keeps. */
export type Memory = { id: string; scope: string; namespace: string; content: string };

/** Reads what is to be remembered; undefined if the body is anything else. */
export function parseMemory(body: string): Omit<Memory, 'id'> | undefined {
  try {
    const { scope, namespace, content } = JSON.parse(body);
    const complete = [scope, namespace, content].every((value) => typeof value === 'string' && value !== '');
    return complete ? { scope, namespace, content } : undefined;
  } catch {
    return undefined;
  }
}
