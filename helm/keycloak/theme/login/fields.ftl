<#-- Fields that several pages have. -->
<#macro username autofocus=true>
        <div class="form__field">
          <label for="username"><#if !realm.loginWithEmailAllowed>${msg("username")}<#elseif !realm.registrationEmailAsUsername>${msg("usernameOrEmail")}<#else>${msg("email")}</#if></label>
          <input id="username" name="username" type="text" value="${(login.username)!''}" autocomplete="${(enableWebAuthnConditionalUI?has_content)?then('username webauthn', 'username')}" autocapitalize="none" spellcheck="false" maxlength="320" dir="ltr" required<#if autofocus> autofocus</#if>>
        </div>
</#macro>

<#macro password name="password" label=msg("password") autocomplete="current-password" autofocus=false hint="">
        <div class="form__field">
          <label for="${name}">${label}</label>
          <input id="${name}" name="${name}" type="password" autocomplete="${autocomplete}" maxlength="1024" dir="ltr"<#if hint != ""> aria-describedby="${name}-rule"</#if> required<#if autofocus> autofocus</#if>>
          <#if hint != "">
          <p class="form__hint" id="${name}-rule">${hint}</p>
          </#if>
        </div>
</#macro>

<#macro rememberMe>
        <#if realm.rememberMe && !usernameHidden??>
        <label><input name="rememberMe" type="checkbox"<#if login.rememberMe??> checked</#if>> ${msg("rememberMe")}</label>
        </#if>
</#macro>

<#macro forgotPassword>
        <#if realm.resetPasswordAllowed>
        <p><a href="${url.loginResetCredentialsUrl}">${msg("doForgotPassword")}</a></p>
        </#if>
</#macro>

<#macro refusal fields...>
        <#if messagesPerField.existsError(fields)>
        <p class="alert alert--error" role="alert">${kcSanitize(messagesPerField.getFirstError(fields))?no_esc}</p>
        </#if>
</#macro>

<#macro submit label name="login">
          <button class="btn btn--primary" type="submit" name="${name}" value="yes"><span class="btn__label">${label}</span></button>
</#macro>

<#macro registration>
<#if realm.password && realm.registrationAllowed && !registrationDisabled??>
        ${msg("noAccount")} <a href="${url.registrationUrl}">${msg("doRegister")}</a>
</#if>
</#macro>

<#macro otherProviders>
<#if realm.password && social?? && social.providers?has_content>
      <h2 class="visually-hidden">${msg("identity-provider-login-label")}</h2>
      <p class="form__actions">
        <#list social.providers as provider>
        <a class="btn" href="${provider.loginUrl}"><span class="btn__label">${provider.displayName!}</span></a>
        </#list>
      </p>
</#if>
</#macro>
