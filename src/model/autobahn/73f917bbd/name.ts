/** The name of the model in schemas, in a file of its own: to compare it needs no messages. */
export const MODEL_NAME = 'autobahn/73f917bbd';
