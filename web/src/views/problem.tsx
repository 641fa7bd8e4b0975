import type {ComponentChildren} from 'preact';
import {useState} from 'preact/hooks';
import type {Problem} from '../protocol/protocol.gen';
import {ImageText, Prose} from './text';

/** Why something could not be done, and what to do now. */
export function ProblemText({problem, children}: {problem: Problem; children?: ComponentChildren}) {
  return (
    <div class="problem">
      <p class="problem-title">
        <Prose text={problem.title} />
      </p>
      <ProblemRest problem={problem} />
      {children}
    </div>
  );
}

/** The same without its title, where that is said already. */
export function ProblemRest({problem}: {problem: Problem}) {
  return (
    <>
      {problem.where !== '' && (
        <p class="where">
          Where: <ImageText text={problem.where} />
        </p>
      )}
      {problem.advice !== '' && (
        <p>
          <Prose text={problem.advice} />
        </p>
      )}
      {problem.detail !== '' && <Details text={detailsOf(problem)} />}
    </>
  );
}

function Details({text}: {text: string}) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
  };
  return (
    <details class="technical">
      <summary>Technical details</summary>
      <pre tabIndex={0} role="group" aria-label="Technical details">
        <ImageText text={text} />
      </pre>
      <button type="button" class="quiet" onClick={() => void copy()}>
        {copied ? 'Copied' : 'Copy details'}
      </button>
    </details>
  );
}

function detailsOf(problem: Problem): string {
  return [`${problem.kind}: ${problem.title}`, problem.where, problem.detail].filter((line) => line !== '').join('\n');
}
