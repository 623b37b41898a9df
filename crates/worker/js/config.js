// The bundled configuration's text. A build puts that of a wharf.jsonc here, without its credentials.
export default null;
