export const MANIFEST: string;
export function lineOf(folder: string, file: string, commit: string): string;
export function hashOf(folder: string, file: string): string;
export function releases(root: string): string[];
export function released(root: string, tag: string): string[];
