// Where the platform enters the Worker: worker.mjs is made by workers-assets-gen and starts Go, which takes no address
// whose escapes cannot be read. Such a one is refused here.
import worker from './worker.mjs';

const refusal = JSON.stringify({problem: {what: 'the address cannot be read', advice: 'Escape it as UTF-8.'}, schema: 1});
const headers = {'content-type': 'application/json', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff'};

/** @param {string} address */
function readable(address) {
  try {
    return decodeURIComponent(new URL(address).pathname) !== '';
  } catch {
    return false;
  }
}

export default {
  fetch: (request, env, ctx) => (readable(request.url) ? worker.fetch(request, env, ctx) : new Response(refusal, {status: 400, headers})),
  queue: worker.queue,
  scheduled: worker.scheduled,
};
