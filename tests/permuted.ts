/** An order in which a dispatch's workgroups and a workgroup's threads are numbered. */
export type ThreadOrder = "given" | "reversed" | "transposed";

/** Rows of the grid that threads are transposed in, where their number is a multiple of it. */
const ROWS = 8;

/**
 * Numbers the threads of WGSL's entry points otherwise. A kernel without races gives the same results in
 * any order, bit for bit: which thread does what must not matter.
 *
 * Threads of a subgroup keep their numbers, which the hardware knows them by; its workgroups do not.
 */
export function permuteThreads(code: string, order: ThreadOrder): string {
  if (order === "given") return code;
  let found = 0;
  const permuted = code.replaceAll(
    /@workgroup_size\(([^)]*)\)\s*fn\s+(\w+)\s*\(([^{]*)\)\s*\{/g,
    (_, size: string, name: string, parameters: string) => {
      found++;
      const builtins = new Map(
        Array.from(
          parameters.matchAll(/@builtin\((\w+)\)\s*(\w+)/g),
          ([, builtin, name]) => [builtin, name],
        ),
      );
      return entryPoint(name, size.split(",").map((part) => part.trim()), builtins, order);
    },
  );
  if (found !== code.split("@compute").length - 1) throw new Error("an entry point was not found");
  return permuted;
}

const TYPES: Readonly<Record<string, string>> = {
  workgroup_id: "vec3u",
  num_workgroups: "vec3u",
  local_invocation_id: "vec3u",
  local_invocation_index: "u32",
  global_invocation_id: "vec3u",
  subgroup_invocation_id: "u32",
};

/** The beginning of an entry point: what is given, and the kernel's own names for what follows from it. */
function entryPoint(
  name: string,
  size: readonly string[],
  builtins: ReadonlyMap<string, string>,
  order: Exclude<ThreadOrder, "given">,
): string {
  const given = new Set(["workgroup_id", "num_workgroups", "local_invocation_index"]);
  const hasSubgroups = builtins.has("subgroup_invocation_id");
  if (hasSubgroups) given.add("subgroup_invocation_id");
  const parameters = Array.from(
    given,
    (builtin) => `@builtin(${builtin}) given_${builtin}: ${TYPES[builtin]}`,
  );
  const [x, y = "1", z = "1"] = size.map((part) => `u32(${part})`);
  const reversed = order === "reversed";
  const threads = hasSubgroups
    ? "given_local_invocation_index"
    : reversed
    ? "threads_in_group - 1u - given_local_invocation_index"
    : transposed("given_local_invocation_index", "thread_rows", "(threads_in_group / thread_rows)");
  const flat = "given_workgroup_id.y * given_num_workgroups.x + given_workgroup_id.x";
  const count = "given_num_workgroups.x * given_num_workgroups.y";
  const groups = reversed
    ? `${count} - 1u - (${flat})`
    : transposed(`(${flat})`, "given_num_workgroups.y", "given_num_workgroups.x");
  const values: Record<string, string> = {
    workgroup_id: "own_group",
    num_workgroups: "given_num_workgroups",
    local_invocation_index: "own_thread",
    local_invocation_id: "own_local",
    global_invocation_id: `own_group * vec3u(${x}, ${y}, ${z}) + own_local`,
    subgroup_invocation_id: "given_subgroup_invocation_id",
  };
  return `@workgroup_size(${size.join(", ")})
fn ${name}(${parameters.join(", ")}) {
  let threads_in_group = ${x} * ${y} * ${z};
  let thread_rows = select(1u, ${ROWS}u, threads_in_group % ${ROWS}u == 0u);
  let own_thread = ${threads};
  let own_local = vec3u(own_thread % ${x}, own_thread / ${x} % ${y}, own_thread / (${x} * ${y}));
  let flat_own_group = ${groups};
  let own_group = vec3u(
    flat_own_group % given_num_workgroups.x,
    flat_own_group / given_num_workgroups.x,
    given_workgroup_id.z,
  );
${Array.from(builtins, ([builtin, own]) => `  let ${own} = ${values[builtin]};`).join("\n")}
`;
}

/** Number of element `index` of a row-major matrix in its transpose. */
function transposed(index: string, rows: string, columns: string): string {
  return `${index} % ${columns} * ${rows} + ${index} / ${columns}`;
}
