import {useState} from 'preact/hooks';
import {useStore} from '../app-context';
import {useDesk, useFleet} from '../desk-context';
import {ProblemText} from '../problem';

/** Signs in to the server that this page comes from, if it keeps images. */
export function SignIn() {
  const desk = useDesk();
  const fleet = useFleet();
  const state = useStore(fleet.state);
  const [token, setToken] = useState('');
  if (state.step !== 'signed-out') {
    return null;
  }
  const signIn = async () => {
    await fleet.signIn(token);
    if (fleet.state.value.step === 'signed-in') {
      setToken('');
      desk.showFleet();
    }
  };
  return (
    <section class="card sign-in" aria-labelledby="sign-in">
      <h2 id="sign-in">Images on this server</h2>
      <p>See how all of them are, and look into each where it lies. It takes the token that the server was set up with.</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void signIn();
        }}
      >
        <label>
          Token
          <input
            type="password"
            autocomplete="current-password"
            required
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="primary" disabled={state.busy}>
          {state.busy ? 'Signing in' : 'Sign in'}
        </button>
      </form>
      <div aria-live="polite">{state.problem !== null && <ProblemText problem={state.problem} />}</div>
    </section>
  );
}
