export async function writeReport(_results: string, _docs: string): Promise<void> {}
