export function findProblems(root: string): Promise<string[]>;
