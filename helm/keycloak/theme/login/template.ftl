<#-- The frame of every page: one card in the middle, as the embedded provider has it (views/). Keycloak's
     own pages use it too, so the macro's name and its first four parameters are Keycloak's.
     isOwn: the page is of this theme and has no script but attempt.js, as its policy then says. -->
<#macro registrationLayout bodyClass="" displayInfo=false displayMessage=true displayRequiredFields=false isOwn=false>
<#local heading><#nested "header"></#local>
<#local headingText = heading?markup_string?replace("<[^>]*>", "", "r")?trim>
<!doctype html>
<html lang="${lang}"<#if realm.internationalizationEnabled> dir="${(locale.rtl)?then('rtl', 'ltr')}"</#if>>
  <head>
    <meta charset="utf-8">
    <#if isOwn>
    <#-- Beside the realm's, and stricter. No form-action: other clients of the realm may be anywhere. -->
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; script-src 'self'; object-src 'none'; base-uri 'none'">
    </#if>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${headingText?no_esc} · ${realm.displayName!realm.name}</title>
    <link rel="stylesheet" href="${url.resourcesPath}/global.css?v=${properties.resourceVersion!}">
    <#if authenticationSession??>
    <script src="${url.resourcesPath}/attempt.js?v=${properties.resourceVersion!}" data-attempt="${authenticationSession.authSessionIdHash}" data-next="${url.ssoLoginInOtherTabsUrl}"></script>
    </#if>
    <#if !isOwn>
    <script type="importmap">{"imports": {"rfc4648": "${url.resourcesCommonPath}/vendor/rfc4648/rfc4648.js"}}</script>
    <#list scripts![] as script>
    <script src="${script}"></script>
    </#list>
  </head>
    </#if>
  <#-- No </head> otherwise, as HTML allows: Keycloak puts a script of its own before it, which keeps a
       form that was refused out of the browser's history, and which the policy would not let run. -->
  <body class="sign-in<#if bodyClass != ""> ${bodyClass}</#if>">
    <main class="sign-in__card card">
      <a class="sign-in__brand" href="${(client.baseUrl)!'/'}">${realm.displayName!realm.name}</a>
      <h1 class="sign-in__title"><#compress>${heading}</#compress></h1>
      <#if auth?has_content && auth.showUsername() && !auth.showResetCredentials()>
      <#nested "show-username">
      <p class="sign-in__text">${auth.attemptedUsername} <a href="${url.loginRestartFlowUrl}">${msg("restartLoginTooltip")}</a></p>
      </#if>
      <#if displayMessage && message?has_content && (message.type != "warning" || !isAppInitiatedAction??)>
      <p class="alert alert--${message.type}" role="${(message.type == 'error')?then('alert', 'status')}">${kcSanitize(message.summary)?no_esc}</p>
      </#if>
      <#if displayRequiredFields>
      <p class="sign-in__note"><span class="required">*</span> ${msg("requiredFields")}</p>
      </#if>
      <#nested "form">
      <#if auth?has_content && auth.showTryAnotherWayLink()>
      <form class="form" action="${url.loginAction}" method="post">
        <div class="form__actions">
          <button class="btn btn--quiet" type="submit" name="tryAnotherWay" value="on"><span class="btn__label">${msg("doTryAnotherWay")}</span></button>
        </div>
      </form>
      </#if>
      <#if switchOrganizationEnabled?? && switchOrganizationEnabled>
      <form class="form" action="${url.loginAction}" method="post">
        <div class="form__actions">
          <button class="btn btn--quiet" type="submit" name="switchOrganization" value="true"><span class="btn__label">${msg("doSwitchOrganization")}</span></button>
        </div>
      </form>
      </#if>
      <#nested "socialProviders">
      <#if displayInfo>
      <div class="sign-in__text"><#nested "info"></div>
      </#if>
      <#if realm.internationalizationEnabled && locale.supported?size gt 1>
      <details class="sign-in__note">
        <summary>${locale.current}</summary>
        <ul>
          <#list locale.supported as each>
          <li><a href="${each.url}" lang="${each.languageTag}">${each.label}</a></li>
          </#list>
        </ul>
      </details>
      </#if>
    </main>
  </body>
</html>
</#macro>
