/**
 * The best selection that several passes over all derivations and a local search find. Exact where each content that is
 * not held leads to one wanted content at most, with one base and one target per patch and one blob per object: there
 * the first pass is the answer. Elsewhere no pass is always best, so all are priced and the best of them improved.
 */
import { type CheapestDerivations, cheapestDerivations } from './cheapest-derivations.js';
import { connectContents } from './connect-contents.js';
import type { ContentGraph } from './content-graph.js';
import { improvementMovesMax, improveSelection } from './improve-selection.js';
import { requestCostBytes } from './plan.js';
import type { PricedSelection, Workbench } from './workbench.js';

/** How many of the best starting points the local search is run on: in large graphs only on the best. */
const improvedStartsMax = 3;
const manyStartsDerivationsMax = 50_000;

/** What a request counts as, in turn, while the search looks for selections with fewer ranges. */
const dearRequestsBytes = [4, 16, 64].map((times) => times * requestCostBytes);

/**
 * Never dearer than the starts it is given (the other candidates); a clause that says what is missing when a wanted
 * content can't be made.
 */
export function cheapestContents(
  graph: ContentGraph,
  bench: Workbench,
  stated: readonly PricedSelection[],
): PricedSelection | string {
  const nearest = cheapestDerivations(graph, weightsOf(graph, requestCostBytes), 'all');
  const lacking = bench.lacking((content) => nearest.maker[content] !== -1);
  if (lacking !== undefined) return `no derivation makes ${lacking}`;
  const starts = [...passes(graph, nearest, bench), ...stated].sort(cheaperFirst);
  const improved = startingPoints(starts, graph, bench).map(({ start, requestBytes }) => {
    const options = { graph, selection: bench.selection, ordering: bench.ordering, maker: nearest.maker, requestBytes };
    return bench.priced(improveSelection(start.order, { ...options, movesMax: improvementMovesMax / improvedStartsMax }));
  });
  return [...starts, ...improved].sort(cheaperFirst)[0] ?? bench.priced(nearest.order);
}

/**
 * The best few that differ in cost; where the number of ranges was the limit, also with requests that count as dearer.
 * Large graphs get one start and one dearer price, to stay within a second or two.
 */
function startingPoints(starts: readonly PricedSelection[], graph: ContentGraph, bench: Workbench) {
  const startsMax = graph.derivations.length > manyStartsDerivationsMax ? 1 : improvedStartsMax;
  const distinct = starts.filter((one, index) => one.cost.costBytes !== starts[index - 1]?.cost.costBytes).slice(0, startsMax);
  const isLimited = hasPackedObjects(graph) && starts.some((start) => start.cost.requests >= bench.rangesMax);
  const prices = isLimited ? [requestCostBytes, ...dearRequestsBytes.slice(0, startsMax)] : [requestCostBytes];
  return prices.flatMap((requestBytes) => distinct.map((start) => ({ start, requestBytes })));
}

/**
 * The cheapest derivation of each content with a request for each, and contents connected one after the other; where
 * objects hold several blobs, also with requests merged away or shared by the blobs of an object; where there are groups,
 * also with the price of a group shared by all it makes.
 */
function passes(graph: ContentGraph, nearest: CheapestDerivations, bench: Workbench): readonly PricedSelection[] {
  const plain = weightsOf(graph, requestCostBytes);
  const orders = [nearest.order, ...connected(graph, plain, bench)];
  if (hasPackedObjects(graph)) {
    for (const weights of [weightsOf(graph, 0), packedWeights(graph)])
      orders.push(cheapestDerivations(graph, weights, 'wanted').order);
  }
  const shared = plain.map((bytes, derivation) => bytes / Math.max(1, graph.targets.length(derivation)));
  if (shared.some((bytes, derivation) => bytes !== plain[derivation])) {
    orders.push(cheapestDerivations(graph, shared, 'wanted').order, ...connected(graph, shared, bench));
  }
  return orders.map((order) => bench.priced(order));
}

const hasPackedObjects = (graph: ContentGraph): boolean => graph.derivations.length > 1 + (graph.blobObject.at(-1) ?? 0);

function connected(graph: ContentGraph, weights: Float64Array, bench: Workbench): readonly (readonly number[])[] {
  const chosen = connectContents(graph, weights);
  if (chosen === null) return [];
  const order = bench.ordering.startAgain().append(chosen.toSorted((a, b) => a - b));
  return bench.lacking((content) => bench.ordering.isMade(content)) === undefined ? [order] : [];
}

/** A blob without bytes costs no request either. */
const weightsOf = (graph: ContentGraph, requestBytes: number): Float64Array =>
  graph.blobBytes.map((bytes) => (bytes === 0 ? 0 : bytes + requestBytes));

/** As if all blobs of an object came by one request. */
function packedWeights(graph: ContentGraph): Float64Array {
  const blobs = new Float64Array(1 + (graph.blobObject.at(-1) ?? 0));
  for (const object of graph.blobObject) blobs[object] = (blobs[object] ?? 0) + 1;
  const share = (derivation: number): number => requestCostBytes / (blobs[graph.blobObject[derivation] ?? 0] ?? 1);
  return graph.blobBytes.map((bytes, derivation) => (bytes === 0 ? 0 : bytes + share(derivation)));
}

const cheaperFirst = (a: PricedSelection, b: PricedSelection): number =>
  a.cost.costBytes - b.cost.costBytes || a.cost.requests - b.cost.requests;
