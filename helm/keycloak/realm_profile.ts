/**
 * What Keycloak asks of people in a new realm: a user name. Its own default makes e-mail address and
 * names required, so everybody whom Helm made without one would first have to fill in a form.
 * Only a new realm gets it; what an administrator makes of it is theirs.
 */
export const newUserProfile = {
  components: {
    "org.keycloak.userprofile.UserProfileProvider": [
      {
        providerId: "declarative-user-profile",
        config: { "kc.user.profile.config": [JSON.stringify(profile())] },
      },
    ],
  },
};

function profile() {
  const everybody = ["admin", "user"];
  const attribute = (name: string, validations: object) => ({
    name,
    displayName: `\${${name}}`,
    validations: { ...validations },
    permissions: { view: everybody, edit: everybody },
    multivalued: false,
  });
  const characters = { "person-name-prohibited-characters": {} };
  return {
    attributes: [
      attribute("username", {
        // Three, by Keycloak's default; the embedded provider has no such rule.
        length: { min: 1, max: 255 },
        "username-prohibited-characters": {},
        "up-username-not-idn-homograph": {},
      }),
      attribute("email", { email: {}, length: { max: 255 } }),
      attribute("firstName", { length: { max: 255 }, ...characters }),
      attribute("lastName", { length: { max: 255 }, ...characters }),
    ],
    groups: [
      {
        name: "user-metadata",
        displayHeader: "User metadata",
        displayDescription: "Attributes, which refer to user metadata",
      },
    ],
  };
}
